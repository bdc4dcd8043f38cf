"""A Gemini API of one's own: speaks v1beta as the real one does, has quotas, and fails on demand.

- `app.simulator(…)` makes the ASGI application, `python manage.py fakegemini` (or, without Django,
  `python -m compat.simulator`) serves it.
- What a key may do is read from its own text: see keys.py. `sim-alpha-1` and `sim-alpha-2` share the quotas of the
  project alpha, `sim-paid-alpha-3` pays, `sim-dead-beta`, `sim-leaked-beta`, `sim-exhausted-day-beta`,
  `sim-slow-500-beta` fail.
- Faults of models stand behind two hyphens: `gemini-3.8-flash--overloaded`, `gemini-2.5-flash--finish-language`.
  faults.py lists them all.
- `validation.violations(model, body)` says, without any HTTP, why the real API would refuse a body.

Where the reference leaves a choice, the simulator takes the strict side: penalties only on the 2.5 text models,
logprobs only on gemini-2.5-flash-lite, signatures only in the project and family that made them.
"""
