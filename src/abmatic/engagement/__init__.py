"""Who visits: sessions made of web events, whose visit each was, and how much people and accounts engage."""
