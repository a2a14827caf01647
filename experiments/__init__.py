"""What measures ontime, and writes its pages from what was measured."""
