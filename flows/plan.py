"""What every candidate is fitted and evaluated by, whoever asked for it: the plan, and the gate as a stack is set."""

from dataclasses import replace

from adapters.settings import Settings
from domain.evidence import EvidencePolicy
from training.gate import GatePolicy
from training.retraining import RetrainPlan

PLAN = RetrainPlan()


def evidence_policy(settings: Settings) -> EvidencePolicy:
    """Return the policy of accounts of evidence that a stack's settings choose."""
    return EvidencePolicy(
        alpha=settings.decision_alpha,
        margin=settings.decision_margin,
        clip=settings.decision_clip,
        anchor_days=settings.anchor_days,
    )


def gate_policy(plan: RetrainPlan, settings: Settings) -> GatePolicy:
    """Return the policy of a plan's gate, its account of evidence as the settings choose."""
    return replace(plan.gate, evidence=evidence_policy(settings))
