"""The TripoSR network, from a picture to a scene code; attributes are named as the weights are."""
