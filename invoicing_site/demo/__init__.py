"""What the demo data shows, one file a subject; `manage.py demo_data` calls them."""
