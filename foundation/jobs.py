"""What the clock does for the whole house: deliver messages, forget those that went."""

from __future__ import annotations

from datetime import datetime, timedelta

from foundation import mail
from foundation.transactions import transaction

KEEP_SENT = timedelta(days=30)


def deliver_mail(at: datetime) -> list[str]:
    """Send the messages that are due. Raises RuntimeError naming those that could not go; they will be tried again."""
    sent, failures = mail.deliver_due(at)
    if failures:
        raise RuntimeError(f"sent {sent}, failed {len(failures)}: {'; '.join(failures[:3])}")
    return [f"sent {sent}"] if sent else []


def forget_mail(at: datetime) -> list[str]:
    """Remove messages that went 30 days ago or earlier."""
    with transaction():
        removed = mail.forget_sent(at - KEEP_SENT)
    return [f"removed {removed}"] if removed else []
