"""Options of XLA for programs that compile longer than they run."""

# A third of the time to compile on the CPU. Small programs run as fast, loops over rows slower.
QUICK_TO_COMPILE = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
