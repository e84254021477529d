"""What answers requests: a module for each concern, whose `add_views` puts it into an application."""
