"""The model on the year 2013, by a temporal split: trained on January to August, tested on the rest."""
