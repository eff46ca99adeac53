"""What the language models of a month cost: the memo's arithmetic, and a month simulated on the real routing.

Development only: nothing here is deployed.
"""
