"""The model's quality on the whole year 2013, told apart in time: trained on January to August, tested on the rest."""
