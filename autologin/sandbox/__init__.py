"""Local twins of the brokers' login pages and token APIs, to rehearse against: no broker and no money involved."""
