"""What is no file: connectors that give parts and know where they are, and the one loop that runs them all."""
