#!/usr/bin/python3
"""Writes a file as SVHN's by scipy: write_svhn.py FILE SAMPLES plain|compressed [TYPE OF THE LABELS]"""
import sys

import numpy
import scipy.io

path, samples, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
type_of_labels = sys.argv[4] if len(sys.argv) > 4 else "uint8"
row, column, channel, sample = numpy.ogrid[:32, :32, :3, :samples]
pixels = (row * 5 + column * 3 + channel * 50 + sample * 11) % 256
labels = numpy.arange(samples) % 10 + 1
scipy.io.savemat(path, {"X": pixels.astype(numpy.uint8), "y": labels.astype(type_of_labels).reshape(-1, 1)},
                 do_compression=how == "compressed")
