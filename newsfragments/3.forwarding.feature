Phones send calls on to other numbers: always, at times, when busy, unanswered or offline. The phone pays for the call that it makes.
