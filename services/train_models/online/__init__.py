"""Online models in the registry: their variants as versions, how good they were, and which becomes the champion."""
