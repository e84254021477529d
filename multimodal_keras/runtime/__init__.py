"""What a trained model needs where TensorFlow is not installed: decoding with numpy and Pillow."""
