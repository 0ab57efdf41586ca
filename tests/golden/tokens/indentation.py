if a:
    b

    # a comment says nothing
  # about indentation
    if c: d
e
