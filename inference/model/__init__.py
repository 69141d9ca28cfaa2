"""The TripoSR network, from a picture to a scene code; its attributes have the weights' names."""
