"""What the tables say of speech: columns, their names, how figures are written, and the promises."""

from __future__ import annotations

NAMES = {
    "wer": "words wrong",
    "cer": "letters wrong",
    "sentence_accuracy": "recordings right",
    "sound_per_second": "sound learned from in a second",
    "sound_per_cpu_second": "in one of processor time",
    "share_features": "features",
    "share_batches": "changing them anew",
    "share_network": "network, there and back",
    "share_loss": "loss, there and back",
    "share_step": "step of the weights",
    "milliseconds_chunk": "100 ms of sound",
    "milliseconds_chunk_95": "95 % within",
    "milliseconds_chunk_cpu": "of it processor time",
    "real_time_factor": "real-time factor",
    "misses": "commands missed",
    "false_alarms": "false alarms",
    "false_alarms_per_hour": "an hour",
    "commands_said": "commands said",
    "hours_without_commands": "hours without",
    "threshold": "threshold",
    "milliseconds_a_chunk": "100 ms of sound",
    "load": "wanting to run, a minute's mean",
}
TRAINED = (
    "wer",
    "cer",
    "sentence_accuracy",
    "parameters",
    "cpu_seconds",
    "seconds",
    "real_time_factor",
    "load",
)
SPENT = ("features", "batches", "network", "loss", "step")
COLUMNS = {
    "fsdd": TRAINED,
    "fsdd_connected": TRAINED,
    "fsdd_speakers": TRAINED,
    "yesno": TRAINED,
    "an4": TRAINED,
    "an4_streaming": TRAINED,
    "commands": (
        "misses",
        "false_alarms",
        "false_alarms_per_hour",
        "commands_said",
        "hours_without_commands",
        "threshold",
        "cpu_seconds",
        "milliseconds_a_chunk",
    ),
    "throughput": ("sound_per_second", "sound_per_cpu_second", *(f"share_{part}" for part in SPENT), "load"),
    "streaming": (
        "milliseconds_chunk",
        "milliseconds_chunk_cpu",
        "milliseconds_chunk_95",
        "parameters",
        "load",
    ),
}
# words, task, row, figure, sense, limit
PROMISES = (
    ("an4, bidirectional: words wrong, held-out speakers", "an4", "held-out speakers", "wer", "<=", 0.09),
    ("an4, bidirectional: training", "an4", "held-out speakers", "seconds", "<=", 2400),
    ("an4, streaming: words wrong", "an4_streaming", "held-out speakers", "wer", "<=", 0.14),
    ("Spoken digits: recordings right", "fsdd", "single digits", "sentence_accuracy", ">=", 0.99),
    ("Strings of spoken digits: words wrong", "fsdd_connected", "3 to 7 digits", "wer", "<=", 0.015),
    ("yesno: words wrong", "yesno", "12 recordings", "wer", "<=", 0.0),
    (
        "Streamed speech, 100 ms of it: processor time, one core",
        "streaming",
        "small",
        "milliseconds_chunk_cpu",
        "<",
        10,
    ),
)


def shown(figure: str, value: float) -> str | None:
    """Write a figure of speech with its unit; None for one that is written as others are.

    >>> shown("sound_per_second", 41.27), shown("real_time_factor", 0.0123), shown("wer", 0.01)
    ('41.3 s', '0.0123', None)
    """
    written = {
        "sound_per_second": "{:.1f} s",
        "sound_per_cpu_second": "{:.1f} s",
        "real_time_factor": "{:.4f}",
        "load": "{:.1f}",
        "false_alarms": "{:.0f}",
        "false_alarms_per_hour": "{:.1f}",
        "commands_said": "{:.0f}",
        "hours_without_commands": "{:.2f}",
        "threshold": "{:.3f}",
    }
    return written[figure].format(value) if figure in written else None
