# Text: what compiled code asks itself, and a name of the module
class Reader:
    text: "str"
    at: int

    def skip(self, n: int) -> int:
        while self.at < n and self.text[self.at] == " ":
            self.at += 1
        return len(self.text)

    def word(self, n: int) -> int:
        k = 0
        for i in range(n):
            self.at += 1
            if self.text[i:n].isdigit():
                k += 1
            self.text = self.text + "x"
        return k
