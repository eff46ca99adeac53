"""What any adapter may raise. Messages carry error codes and identifiers, never anything a person wrote."""


class StoreUnavailableError(RuntimeError):
    """A store could not be reached or refused for a reason that may pass. The message is the error's code."""


class ConflictError(RuntimeError):
    """Somebody else changed the item in between; read it again and decide anew."""
