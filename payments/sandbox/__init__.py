"""A local stand-in for Stripe's and PayPal's servers: development and tests only, no real money anywhere.

It imports nothing of this project, so that it can only be spoken to as the real ones are: over HTTP.
"""
