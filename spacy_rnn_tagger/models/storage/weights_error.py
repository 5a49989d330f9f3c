"""The error for weights that cannot be saved, loaded or trained on."""


class WeightsError(ValueError):
    """Weights that are not usable, and where.

    where (str): What holds the weights: a component, perhaps with its file, or the registered name of an architecture.
    reason (str): The rest of the sentence.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason

    def at(self, where: str) -> "WeightsError":
        """This error with a more exact place of the weights.

        where (str): The component, and its file if there is one.
        RETURNS (WeightsError): A new error.
        """
        return WeightsError(where, self.reason)

    def __reduce__(self) -> tuple:
        return type(self), (self.where, self.reason)
