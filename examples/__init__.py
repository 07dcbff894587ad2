"""Example suppliers, their feeds, and a demonstration of the whole product on them."""
