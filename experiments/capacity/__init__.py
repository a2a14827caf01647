"""What a site of any size needs: unit costs, a generated country, and the page of both."""
