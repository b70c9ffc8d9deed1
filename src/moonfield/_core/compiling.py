"""Options of XLA for programs that compile longer than they run, on the CPU."""

# About half the time to compile. Small programs run as fast, loops over many rows slower.
QUICK_TO_COMPILE = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}

# Less still, for what runs once.
RUNS_ONCE = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
