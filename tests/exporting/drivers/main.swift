import Foundation

// Prints the ids of every text, a line each: main CONTRACT CASES. Fields come in the order of their names.
let contract = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))
let cases = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[2]))
let fields = try JSONSerialization.jsonObject(with: cases) as! [String: [[String: Any]]]
for (field, given) in fields.sorted(by: { $0.key < $1.key }) {
    let tokenizer = try Tokenizer(contract: contract, field: field)
    for item in given {
        if let text = item["text"] as? String {
            print(tokenizer.ids(text).map { String($0) }.joined(separator: " "))
        } else {
            let bytes = Data(base64Encoded: item["base64"] as! String)!
            print(tokenizer.ids(utf8: bytes).map { String($0) }.joined(separator: " "))
        }
    }
}
