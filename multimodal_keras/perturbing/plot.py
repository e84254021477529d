"""Curves of a metric against noise, one panel for each field."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from multimodal_keras.evaluation.plots.style import Plot, drawn, short
from multimodal_keras.evaluation.table import number, title
from multimodal_keras.perturbing.curves import Curve

# Both change from line to line, so that one shows through another that is equal.
_MARKERS, _STROKES = "osD^v", ("-", "--", ":", "-.")


def robustness_plot(task: str, curves: Sequence[Curve]) -> Plot:
    """Each noise a line, with its interval as a shade.

    Args:
        task: of the curves.
        curves: at least one.
    """
    fields = list(dict.fromkeys(curve.field for curve in curves))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(fields), sharey=True, squeeze=False)[0]
        for axes, field in zip(panels, fields, strict=True):
            for place, curve in enumerate(each for each in curves if each.field == field):
                stroke = f"{_MARKERS[place % len(_MARKERS)]}{_STROKES[place % len(_STROKES)]}"
                (line,) = axes.plot(curve.strengths, curve.values, stroke, label=curve.noise.replace("_", " "))
                if None not in curve.lows:
                    axes.fill_between(
                        curve.strengths, curve.lows, curve.highs, color=line.get_color(), alpha=0.12, linewidth=0
                    )
            axes.set(title=f"noise on {short(field)}", xlabel="strength")
            axes.legend(fontsize=8.5)
        shade = "" if None in curves[0].lows else "\n(shade: 95 % interval)"
        panels[0].set_ylabel(f"{title(curves[0].metric)} of {short(task)}{shade}")
        if not curves[0].lower_is_better:
            panels[0].set_ylim(bottom=0)

    said = "; ".join(
        f"{curve.noise} on {curve.field} from {number(curve.values[0])} to {number(curve.values[-1])}"
        for curve in curves
    )
    alt = f"{title(curves[0].metric)} of {task} against the strength of noise: {said}."
    return drawn(Plot(f"robustness_{task}", "How noise hurts", alt, task), (1.2 + 4.2 * len(fields), 4.0), draw)
