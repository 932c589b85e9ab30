"""Local twins of the brokers' login pages and token APIs: no broker and no money involved."""
