"""Raw records to readings: one module per format, all pure. `decode_record` is the way in."""

from process_readings.decode.record import decode_record

__all__ = ["decode_record"]
