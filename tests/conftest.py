# SPDX-License-Identifier: MIT
"""Property tests on a busy host: how long an example takes is no finding."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("artifact", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("artifact")
