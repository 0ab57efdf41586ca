import jitd


@jitd.jitclass
class Account:
    balance: int
    moves: int

    def deposit(self, amount: int) -> int:
        self.moves += 1
        self.balance += amount
        return self.balance

    def twice(self, amount: int) -> int:
        self.deposit(amount)
        return self.deposit(amount * 2)

    def to(self, other: "Account", amount: int) -> None:
        if amount > self.balance:
            raise ValueError("not enough", amount)
        other.balance += amount
        self.balance -= amount
