"""Times the moons and a convolutional network on the accelerator that JAX sees, beside the CPU."""

import subprocess
import sys
import tempfile
from pathlib import Path

import environment

TASKS = {"moons": "moons, all 500 rows", "convolutions": "ConvNet on digits, 256 rows a step"}
PROBE = "import jax; print(jax.default_backend(), '|', jax.devices()[0].device_kind)"
NONE = (
    "Skipped: JAX sees no accelerator, only the CPU. With an NVIDIA GPU and its driver: "
    "pip install 'moonfield[cuda]'."
)


def accelerator() -> str | None:
    """The device that JAX takes by itself; None if that is the CPU."""
    command = [sys.executable, "-c", PROBE]
    env = environment.variables(platform=None)
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    backend, _, kind = done.stdout.strip().partition(" | ")
    return None if backend == "cpu" else f"{kind} ({backend})"


def main() -> None:
    args = environment.parser(__doc__).parse_args()
    environment.enter(args.here)
    device = accelerator()
    if device is None:
        print(NONE)
        return
    import dataset

    import moonfield as mf

    tasks = [name for name in TASKS if name != "convolutions" or hasattr(mf.nets, "ConvNet")]
    print(f"Accelerator: {device}")
    print(f"{'':34}{'first fit':>11}{'again':>9}{'us/step':>9}{'predict':>9}{'ELBO':>10}  accuracy")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "moons.npz"
        dataset.save(data, splits=1)
        for name in tasks:
            for place, platform in (("accelerator", None), ("CPU", "cpu")):
                result = environment.measure(
                    "moonfield_accelerator.py", name, data, platform=platform
                )
                results[f"{name}, {place}"] = result
                print(_line(TASKS[name], place, result))
    environment.write("gpu", {"accelerator": device, "results": results})


def _line(what: str, place: str, result: dict) -> str:
    fit = result["fit"]
    step = 1e6 * fit["median"] / result["steps"]
    return (
        f"{what + ', ' + place:<34.34}{fit['first']:>9.2f} s{fit['median']:>7.2f} s{step:>9.1f}"
        f"{1e3 * result['predict']['median']:>6.0f} ms{result['elbos'][0]:>10.1f}"
        f"{100 * result['accuracy']:>9.1f}%"
    )


if __name__ == "__main__":
    main()
