"""Networks that several arcs use: classifiers, and feature extractors that have been trained before."""

from imagegen_lessons.networks.classifier import ConvNet, FaceClassifier
from imagegen_lessons.networks.features import FeatureExtractor, PretrainedExtractor
