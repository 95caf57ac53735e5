"""For a program to import first: the terminal on its standard input is its own, with its Ctrl-C."""

import fcntl
import termios

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
