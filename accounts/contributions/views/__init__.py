"""The pages of contributors: to contribute, of a receipt, and the public tables of status and privacy."""
