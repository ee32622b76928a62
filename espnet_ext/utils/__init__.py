"""Files written as a whole, locks, progress lines and errors. No other package of espnet_ext is imported."""
