"""The stream engine: Faust workers whose agents get batches, and rules that work on them.

`Batch`, `OutRecord` and `Rules` are what a processor's rules see; they know nothing of Faust or Kafka.
"""

from headrace.streams.batch import Batch, OutRecord, Rules

__all__ = ["Batch", "OutRecord", "Rules"]
