"""What goes out of the house: alarms, their mails, webhooks."""
