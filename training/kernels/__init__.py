"""The few compiled loops. Each releases the interpreter lock, so that plain threads run them side by side."""
