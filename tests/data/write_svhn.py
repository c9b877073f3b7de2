#!/usr/bin/python3
"""Writes a file as SVHN's by scipy: write_svhn.py FILE SAMPLES plain|compressed"""
import sys

import numpy
import scipy.io

path, samples, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
row, column, channel, sample = numpy.ogrid[:32, :32, :3, :samples]
pixels = (row * 5 + column * 3 + channel * 50 + sample * 11) % 256
labels = numpy.arange(samples) % 10 + 1
scipy.io.savemat(path, {"X": pixels.astype(numpy.uint8), "y": labels.astype(numpy.uint8).reshape(-1, 1)},
                 do_compression=how == "compressed")
