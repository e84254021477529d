import Foundation

/// Text to the token ids that the model takes.
///
///     let contract = try Data(contentsOf: Bundle.main.url(forResource: "contract", withExtension: "json")!)
///     let ids = try Tokenizer(contract: contract, field: "title").ids("A black cat")
///
/// `golden.json` beside this file has texts with their ids, to prove a copy of it.
///
/// Texts are arrays of code points here, never `String`: to Swift, strings that look alike are equal, to the model they
/// are not.
public struct Tokenizer {
    /// The contract does not describe such a text field.
    public struct ContractError: Error, CustomStringConvertible {
        public let description: String
    }

    /// How many ids there are for each text.
    public let sequenceLength: Int

    private let unit: String
    private var ids: [[UInt32]: Int32] = [:]
    private let stopWords: Set<[UInt32]>
    private var lower: [UInt32: UInt32] = [:]
    private var separators: Set<UInt32> = []
    private let alone: [ClosedRange<UInt32>]

    private static let padding: Int32 = 0
    private static let unknown: Int32 = 1
    private static let first: Int32 = 2
    private static let replacement: UInt32 = 0xFFFD
    private static let space: UInt32 = 0x20

    /// - Parameters:
    ///   - contract: the content of `contract.json`.
    ///   - field: the name of the text field.
    /// - Throws: `ContractError`, or what the JSON parser throws.
    public init(contract: Data, field: String) throws {
        let root = try JSONSerialization.jsonObject(with: contract) as? [String: Any]
        guard
            let facts = (root?["modalities"] as? [String: Any])?[field] as? [String: Any],
            let unit = facts["unit"] as? String, ["word", "subword", "character", "byte"].contains(unit),
            let sequenceLength = facts["sequence_length"] as? Int,
            let vocabulary = facts["vocabulary"] as? [String],
            let stopWords = facts["stop_words"] as? [String],
            let tables = root?["code_points"] as? [String: Any],
            let noncharacters = tables["noncharacters"] as? [[Int]],
            let lower = tables["lower"] as? [[Int]],
            let separators = tables["separators"] as? [[Int]],
            let split = tables["split"] as? [[Int]]
        else {
            throw ContractError(
                description: "A tokenizer needs a text field and the code points of a contract. Received the field "
                    + "\(field). Name a text field, and use the tokenizer that was exported with the model.")
        }
        self.unit = unit
        self.sequenceLength = sequenceLength
        self.stopWords = Set(stopWords.map(Tokenizer.points))
        for (position, token) in vocabulary.enumerated() {
            ids[Tokenizer.points(token)] = Tokenizer.first + Int32(position)
        }
        alone = split.map { UInt32($0[0])...UInt32($0[1]) }
        for range in noncharacters {
            for point in range[0]...range[1] { self.lower[UInt32(point)] = Tokenizer.replacement }
        }
        for run in lower {
            for point in stride(from: run[0], through: run[1], by: run[2]) {
                self.lower[UInt32(point)] = UInt32(point + run[3])
            }
        }
        for range in separators {
            for point in range[0]...range[1] { self.separators.insert(UInt32(point)) }
        }
    }

    /// The ids of a text: `sequenceLength` of them, zeros at the end.
    public func ids(_ text: String) -> [Int32] {
        let lower = Tokenizer.points(text).map { self.lower[$0] ?? $0 }
        let known = unit == "byte" ? byteIDs(lower) : tokens(lower).map { ids[$0] ?? Tokenizer.unknown }
        let kept = Array(known.prefix(sequenceLength))
        return kept + Array(repeating: Tokenizer.padding, count: sequenceLength - kept.count)
    }

    /// The ids of a text in UTF-8; what is not valid becomes U+FFFD.
    public func ids(utf8: Data) -> [Int32] {
        ids(String(decoding: utf8, as: UTF8.self))
    }

    private func tokens(_ lower: [UInt32]) -> [[UInt32]] {
        if unit == "character" {
            let words = lower.map { separators.contains($0) ? Tokenizer.space : $0 }.split(separator: Tokenizer.space)
            return words.joined(separator: [Tokenizer.space]).map { [$0] }
        }
        let spaced = lower.flatMap { point -> [UInt32] in
            if separators.contains(point) { return [Tokenizer.space] }
            return standsAlone(point) ? [Tokenizer.space, point, Tokenizer.space] : [point]
        }
        let words = spaced.split(separator: Tokenizer.space).map { Array($0) }
        return unit == "word" ? words.filter { !stopWords.contains($0) } : words.flatMap(Tokenizer.pieces)
    }

    private func standsAlone(_ point: UInt32) -> Bool {
        alone.contains { $0.contains(point) }
    }

    private func byteIDs(_ lower: [UInt32]) -> [Int32] {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: lower.compactMap(Unicode.Scalar.init))
        return String(text).utf8.map { Tokenizer.first + Int32($0) }
    }

    private static func points(_ text: String) -> [UInt32] {
        text.unicodeScalars.map { $0.value }
    }

    /// A word between `<` and `>`: the whole, then its parts of 3, 4 and 5 code points.
    private static func pieces(_ word: [UInt32]) -> [[UInt32]] {
        let marked = points("<") + word + points(">")
        var pieces = [marked]
        for width in 3...5 where width <= marked.count {
            for start in 0...(marked.count - width) { pieces.append(Array(marked[start..<(start + width)])) }
        }
        return pieces
    }
}
