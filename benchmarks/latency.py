"""Times single answers: an exported artefact beside Moonfield's own predict, 500 draws each."""

import tempfile
from pathlib import Path

import environment

ROWS = ("1", "32", "1000")
SYSTEMS = {"artefact": "artefact_serving.py", "predict": "moonfield_serving.py"}


def main() -> None:
    args = environment.parser(__doc__).parse_args()
    environment.enter(args.here)
    import dataset

    environment.warn_if_busy()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "arrays.npz"
        dataset.save(data, splits=1, folder=folder)
        written = environment.measure("moonfield_serving.py", "write", data)
        served = {
            system: environment.measure(script, "serve", data) for system, script in SYSTEMS.items()
        }
    for name in ("moons", "wide"):
        _show(name, written[name], {system: found[name] for system, found in served.items()})
    environment.write("latency", {"written": written, "served": served})


def _show(name: str, written: dict, served: dict) -> None:
    size = written["bytes"] / 1e6
    print(f"\n{name}: exported in {written['seconds']:.1f} s, {size:.2f} MB")
    print(f"{'rows':>5}  {'load + first, s':>24}  {'later, ms':>24}  {'ratio':>6}  {'apart':>8}")
    print(f"{'':>5}  {'artefact':>12}{'predict':>12}  {'artefact':>12}{'predict':>12}")
    for rows in ROWS:
        ours, theirs = served["artefact"][rows], served["predict"][rows]
        apart = max(abs(ours["row"][field] - theirs["row"][field]) for field in ours["row"])
        first = f"{ours['first']:12.2f}{theirs['first']:12.2f}"
        later = f"{1e3 * ours['again']:12.2f}{1e3 * theirs['again']:12.2f}"
        ratio = theirs["again"] / ours["again"]
        print(f"{rows:>5}  {first}  {later}  {ratio:6.1f}  {apart:8.1e}")


if __name__ == "__main__":
    main()
