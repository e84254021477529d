"""Arguments to commands. A user's mistake is one line on stderr and exit code 2; everything else is a traceback."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence

from multimodal_keras import __version__
from multimodal_keras.cli.fields import add_field_flags
from multimodal_keras.cli.interrupted import what_next
from multimodal_keras.cli.quiet import quiet_start
from multimodal_keras.errors import ON_ERROR

NAME = "multimodal-keras"


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    root = argparse.ArgumentParser(
        prog=NAME, description="Train, evaluate, export, serve and inspect Keras models over several modalities."
    )
    root.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="command")
    for name, (add, summary) in _COMMANDS.items():
        add(commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."))
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: as typed, without the program's name; None for `sys.argv`.

    Returns:
        The exit code: 0, 1 where a command found something wrong, or 2 for a user's mistake.
    """
    options = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # It takes one compiled function for each data set for a function that is compiled again and again.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with quiet_start():
            command = importlib.import_module(f"multimodal_keras.cli.{options.command.replace('-', '_')}")
        return int(command.run(options) or 0)
    except (ValueError, TypeError, ImportError) as error:
        if os.environ.get("MULTIMODAL_KERAS_TRACEBACK"):
            raise
        print(f"{NAME} {options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{NAME} {options.command}: interrupted{what_next(options)}", file=sys.stderr)
        return 130


def _train(command: argparse.ArgumentParser) -> None:
    _run(command)
    command.add_argument("--fusion", help="the class name of a fusion")
    command.add_argument("--seed", type=int)
    command.add_argument("--output", help="the run folder")
    command.add_argument("--restart", action="store_true", help="start over instead of going on")


def _compare(command: argparse.ArgumentParser) -> None:
    _run(command)
    command.set_defaults(fusion=None, seed=None)
    command.add_argument("--fusions", default="all", metavar="NAMES", help="class names by commas; all if left out")
    command.add_argument("--seeds", type=int, default=3, help="how often each is trained; 3 if left out")
    command.add_argument("--output", default="runs/compare", help="the folder of the comparison")
    command.add_argument("--processes", type=int, default=1, help="how many trainings run at a time")
    command.add_argument("--cores", type=int, help="how many cores these use together; all if left out")
    command.add_argument("--reference", metavar="NAME", help="the fusion to compare with; ConcatFusion if left out")
    command.add_argument("--no-export", action="store_true", help="no SavedModel, no TFLite, no latencies")
    command.add_argument("--restart", action="store_true", help="throw away what the folder holds")
    command.add_argument("--json", action="store_true", help="print as JSON")


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", nargs="?", metavar="run.yaml", help="a run in one file; flags override its fields")
    command.add_argument("--data", help="the records: .csv, .jsonl, .parquet, .tfrecord, or a folder of class folders")
    command.add_argument("--valid", help="validation records, if they are apart")
    add_field_flags(command)
    command.add_argument("--split", help="fractions such as 0.8,0.1,0.1, or a column with train, valid and test")
    command.add_argument("--split-by", metavar="COLUMN", help="the column to spread evenly over the parts")
    command.add_argument("--group", metavar="COLUMN", help="the column whose equal values never come apart")
    command.add_argument("--plugin", action="append", metavar="FILE", help="a Python file to import first")
    options = command.add_argument_group("training")
    for name, converter in (("epochs", int), ("batch-size", int), ("learning-rate", float), ("patience", int)):
        options.add_argument(f"--{name}", type=converter)
    options.add_argument("--balance", metavar="NAME", help="how tasks are weighed, such as PCGradBalance")
    options.add_argument(
        "--scheme", action="append", metavar="NAME", help="what else is done, such as UnimodalScheme; may be repeated"
    )
    options.add_argument("--cache", help="'memory', a folder, or 'none'")
    options.add_argument("--on-error", choices=ON_ERROR, help="what becomes of records that cannot be used")
    options.add_argument("--precision", help="Keras's dtype policy, such as mixed_float16")


def _evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", help="the run folder")
    command.add_argument("--data", help="labelled records; the run's own test records if left out")
    command.add_argument("--output", help="where the report goes; <run>/evaluation if left out")
    command.add_argument("--json", action="store_true", help="print the report as JSON and write nothing")


def _calibrate(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", help="the run folder")
    command.add_argument(
        "--data", help="labelled records it was not trained on; the run's validation records if left out"
    )
    command.add_argument("--test", metavar="DATA", help="other records to see the result on; the run's own if left out")
    command.add_argument("--output", help="where the calibrated run goes; <run>/calibrated if left out")
    # What is not given is left out, so that "none" is a value of its own.
    fitted = command.add_argument_group("calibration", argument_default=argparse.SUPPRESS)
    fitted.add_argument("--coverage", type=_share, help="of sets and intervals, such as 0.9 (if left out), or none")
    fitted.add_argument("--scaling", choices=("temperature", "vector", "none"), help="temperature if left out")
    fitted.add_argument("--sets", choices=("lac", "aps", "raps"), help="the conformal score; lac if left out")
    fitted.add_argument("--by-class", action="store_true", help="promise the coverage for each label by itself")
    fitted.add_argument("--together", dest="by_presence", action="store_false", help="not by present modalities")
    fitted.add_argument("--precision", type=_share, metavar="SHARE", help="accept the answers that reach it")
    fitted.add_argument("--recall", type=_share, metavar="SHARE", help="... or as few as find so many")
    fitted.add_argument("--ood", type=_share, metavar="SHARE", help="of familiar records, 0.95 if left out, or none")
    fitted.add_argument("--ood-score", choices=("auto", "energy", "mahalanobis"), help="auto if left out")


def _share(text: str) -> float | None:
    try:
        return None if text == "none" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"A share is a number or none. Received {text!r}. Write 0.9.") from None


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", help="the run folder")
    command.add_argument("--output", required=True, help="where to, such as exported/clipart/1")
    command.add_argument("--sample", help="records to measure parity on; the run's own test records if left out")
    device = command.add_argument_group("TFLite files")
    device.add_argument("--quantize", metavar="NAMES", help="one or more of float32, float16, dynamic, int8, by commas")
    device.add_argument("--calibration", metavar="DATA", help="records for the ranges of int8; the sample if left out")
    device.add_argument(
        "--refit", metavar="DATA", help="records to fit a calibration to each quantized file; its own if left out"
    )
    device.add_argument("--lstm", choices=("loop", "fused", "auto"), help="how LSTMs are written; loop if left out")
    device.add_argument("--integer-outputs", action="store_true", default=None, help="int8 answers with a scale")
    device.add_argument("--split", action="store_true", default=None, help="a file for each encoder as well")
    device.add_argument("--explain", action="store_true", default=None, help="the signature explain in each as well")
    device.add_argument("--max-metric-drop", type=float, metavar="SHARE", help="0.01, one point, if left out")


def _predict(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="a run, an exported folder, or a .tflite file")
    command.add_argument("--data", required=True, help="the records")
    command.add_argument("--output", help="a .jsonl, .csv or .parquet file; JSON on standard output if left out")
    command.add_argument("--probabilities", action="store_true", help="a column for each label; JSON always has them")
    command.add_argument("--batch-size", type=int, default=64)
    command.add_argument(
        "--on-error",
        choices=ON_ERROR,
        default="raise",
        help="whether a record that cannot be used ends it, or is answered by its error and listed in OUTPUT.skipped.jsonl",
    )
    command.add_argument("--restart", action="store_true", help="start over instead of going on where a kill ended it")


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="a run, an exported folder, or a .tflite file exported with --explain")
    command.add_argument("--data", required=True, help="the records; labels are not needed")
    command.add_argument(
        "--output", help="a .jsonl file for each record's answer with its contributions; with --inside a folder"
    )
    inside = command.add_argument_group("inside of fields, for a run")
    inside.add_argument(
        "--inside", action="store_true", help="words, places of pictures, columns, frames, steps instead"
    )
    inside.add_argument(
        "--label", action="append", metavar="TASK=LABEL", help="the label to ask about; the most probable if left out"
    )
    inside.add_argument("--steps", type=int, help="gradients for each record at most; 64")
    command.add_argument("--batch-size", type=int, help="fewer the more modalities there are if left out")
    command.add_argument("--on-error", choices=ON_ERROR, default="raise", help="as for predict")
    command.add_argument("--restart", action="store_true", help="start over instead of going on where a kill ended it")


def _robustness(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="a run, an exported folder, or a .tflite file")
    command.add_argument("--data", help="labelled records; a run's own test records if left out")
    command.add_argument(
        "--strengths", default="0.25,0.5,0.75,1", help="of the noise, above 0 and at most 1, by commas"
    )
    command.add_argument(
        "--min-retained", type=float, default=0.0, metavar="SHARE", help="exit code 1 if noise leaves less"
    )
    command.add_argument("--min-single", type=float, default=0.0, metavar="SHARE", help="... if a subset reaches less")
    command.add_argument("--output", help="a folder for robustness.json and plots")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--json", action="store_true", help="print as JSON")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", nargs="+", metavar="[NAME=]MODEL", help="a folder of versions, one version of it, or a .tflite file"
    )
    command.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
    command.add_argument("--port", type=int, default=8501)
    command.add_argument("--tuning", metavar="FILE", help="settings that tune-serving wrote")
    command.add_argument("--api-keys", metavar="FILE", help="hashed keys, made by the command key; others get 401")
    command.add_argument(
        "--origin", action="append", metavar="URL", help="a web page whose requests are allowed; repeat"
    )


def _tune_serving(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="a folder of versions, one version of it, or a .tflite file")
    command.add_argument("--data", help="records to ask with; some are made up if left out")
    command.add_argument("--output", default="tuning.json", help="the file that serve --tuning reads")
    command.add_argument("--clients", type=_numbers, default=[1, 8, 32], metavar="N,N", help="at the same time; 1,8,32")
    command.add_argument("--seconds", type=float, default=2.0, help="of each measurement; 2")
    command.add_argument("--rounds", type=int, default=2, help="in each of which each setting is measured; 2")
    settings = command.add_argument_group("settings to try, by commas")
    settings.add_argument("--max-batch", type=_numbers, default=[8, 32, 128], metavar="N,N", help="8,32,128")
    settings.add_argument("--max-waiting", type=_numbers, default=[128], metavar="N,N", help="128")
    settings.add_argument("--threads", type=_numbers, default=[176], metavar="N,N", help="of the server; 176")
    settings.add_argument(
        "--intra-op-threads",
        type=_numbers,
        default=[0, 1],
        metavar="N,N",
        help="of TensorFlow; 0,1; 0 is its own choice",
    )


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        said = f"These are whole numbers, separated by commas. Received {text!r}. Write 1,8."
        raise argparse.ArgumentTypeError(said) from None


def _key(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="whose key it is")
    command.add_argument("--file", required=True, help="where its hash is added")


def _bundle(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="an exported folder, or a folder with its numbered versions")
    command.add_argument("--output", required=True, help="where to, such as bundle/clipart")
    command.add_argument("--sample", metavar="DATA", help="records to warm up with; some are made up if left out")
    command.add_argument("--warm-up", type=int, metavar="COUNT", help="how many of them; 16 if left out")
    command.add_argument("--name", help="of the model; the folder's if left out")
    command.add_argument("--image", help="of TF Serving, such as tensorflow/serving:2.21.0")
    command.add_argument("--batching", action="store_true", help="let TF Serving join requests that come together")


def _inspect(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", help="a run, an exported folder, or a .tflite file")
    command.add_argument("--json", action="store_true", help="print the contract as JSON")


def _contract(command: argparse.ArgumentParser) -> None:
    diff = command.add_subparsers(dest="action", required=True, metavar="diff").add_parser(
        "diff", help="compare two exports", description="Exit code 0: clients of OLD can use NEW; 1: they cannot."
    )
    for name in ("old", "new"):
        diff.add_argument(name, metavar=name.upper(), help="an exported folder, a .tflite file, or a contract.json")
    diff.add_argument("--json", action="store_true", help="print as JSON")


def _demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--output", default="runs/demo", help="the folder for models, report and artefacts")
    command.add_argument("--epochs", type=int, default=None, help="fewer, to see it run")


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print as JSON")


_COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "train": (_train, "train a model on records"),
    "compare": (_compare, "train every fusion alike, and print what each gives and costs"),
    "evaluate": (_evaluate, "measure a run on records, for every subset of modalities"),
    "calibrate": (_calibrate, "make a run say how sure it is: probabilities, sets, acceptance, unusual records"),
    "export": (_export, "write SavedModel and TFLite, and prove that they agree"),
    "predict": (_predict, "answer records, also millions of them, into JSON, CSV or Parquet"),
    "explain": (_explain, "say which modality mattered, and with --inside what in it did"),
    "robustness": (_robustness, "measure how noise and missing modalities hurt a model"),
    "serve": (_serve, "answer over HTTP, as TF Serving does"),
    "bundle": (_bundle, "write all that TF Serving needs: configuration, warm-up, manifests, clients, a test"),
    "tune-serving": (_tune_serving, "measure settings of serve on this machine, and write the best into a file"),
    "key": (_key, "make an API key for serve"),
    "inspect": (_inspect, "say what goes into a model and what comes out"),
    "contract": (_contract, "say whether clients of one export can use another"),
    "demo": (_demo, "do all of it on the bundled records, and print a table"),
    "doctor": (_doctor, "say what is installed, and what each extra would give"),
}
