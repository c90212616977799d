from .two_step import TwoStepContinuum

__all__ = ["TwoStepContinuum"]
