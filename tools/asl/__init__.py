"""The state machine's definition as data: its cases, the engines that run them, their coverage."""
