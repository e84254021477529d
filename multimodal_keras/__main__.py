"""`python -m multimodal_keras` is the command line."""

import sys

from multimodal_keras.cli import main

sys.exit(main())
