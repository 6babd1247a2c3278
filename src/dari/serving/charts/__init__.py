"""Figures as pictures: drawn once as SVG, shown by the console and told to chats."""
