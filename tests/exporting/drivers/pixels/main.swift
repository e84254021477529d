import Foundation

// Prints each picture resized, in base64, a line each: main CASES.
for line in try String(contentsOfFile: CommandLine.arguments[1], encoding: .utf8).split(separator: "\n") {
    let words = line.split(separator: " ")
    let numbers = words.prefix(4).map { Int($0)! }
    let rgb = [UInt8](Data(base64Encoded: String(words[5]))!)
    let small = resized(
        rgb, height: numbers[0], width: numbers[1], goalHeight: numbers[2], goalWidth: numbers[3],
        resize: String(words[4]))
    print(Data(small).base64EncodedString())
}
