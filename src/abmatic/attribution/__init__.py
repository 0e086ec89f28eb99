"""From touch to deal: which touches came before an opportunity, and what part of it each is given credit for."""
