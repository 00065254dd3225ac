"""What the public headers declare: shared by the checks of this folder."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def public_headers():
    """Paths below include/, as a program includes them."""
    names = ["gan.h"]
    names += sorted("gan/" + n for n in os.listdir(os.path.join(ROOT, "include", "gan")) if n.endswith(".h"))
    return names


def without_comments(text):
    """Comments and string literals become blanks; line numbers stay."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)

    return re.sub(pattern, blank, text, flags=re.S)


def declared_functions():
    """Names of all GAN_API functions, with the header of each."""
    functions = {}
    for header in public_headers():
        with open(os.path.join(ROOT, "include", header), encoding="utf-8") as file:
            text = without_comments(file.read())
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        for declaration in re.findall(r"\bGAN_API\b([^;]*);", text):
            functions[re.search(r"\b(\w+)\s*\(", declaration).group(1)] = header
    return functions


def manifest():
    """symbols.txt as a list of (name, since)."""
    with open(os.path.join(ROOT, "lib", "api", "symbols.txt"), encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return [(fields[0], fields[1]) for fields in lines]


def public_structs():
    """name -> member names, of every struct whose members the headers show."""
    structs = {}
    for header in public_headers():
        with open(os.path.join(ROOT, "include", header), encoding="utf-8") as file:
            text = without_comments(file.read())
        for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\} \1;", text, re.S):
            members = []
            for declaration in filter(str.strip, body.split(";")):
                pointer = re.search(r"\(\*(\w+)\)\s*\(", declaration)
                if pointer:
                    members.append(pointer.group(1))
                else:
                    members += [re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*$", part).group(1) for part in declaration.split(",")]
            structs[name] = members
    return structs


def finish(problems, checked):
    """Prints the outcome and ends the program."""
    for problem in problems:
        print(problem)
    print(f"{checked}: {'%d problem(s)' % len(problems) if problems else 'ok'}")
    sys.exit(1 if problems else 0)
