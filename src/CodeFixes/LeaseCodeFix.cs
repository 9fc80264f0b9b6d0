using System.Collections.Immutable;
using System.Composition;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Formatting;
using Paging.Analyzers;

namespace Paging.CodeFixes;

/// <summary>Declares a lease with <see langword="using"/>: where it is a variable's already, or in one that is made for it.</summary>
/// <remarks>Nothing is offered where a variable is given another lease later, since a variable declared so cannot be; nor where an
/// expression may be evaluated more than once, or not at all.</remarks>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(LeaseCodeFix))]
[Shared]
public sealed class LeaseCodeFix : CodeFixProvider
{
    private const string Title = "Declare the lease with 'using'";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds => [LeaseAnalyzer.NotDisposedId, LeaseAnalyzer.NotOnExceptionId];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode? root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            if (root?.FindNode(diagnostic.Location.SourceSpan, getInnermostNodeForTie: true) is InvocationExpressionSyntax lease
                && Fix(root, lease) is { } after)
            {
                context.RegisterCodeFix(
                    CodeAction.Create(Title, _ => Task.FromResult(context.Document.WithSyntaxRoot(after)), equivalenceKey: Title),
                    diagnostic);
            }
        }
    }

    private static SyntaxNode? Fix(SyntaxNode root, InvocationExpressionSyntax lease)
    {
        if (lease.FirstAncestorOrSelf<StatementSyntax>() is not { } statement
            || statement.Parent is not (BlockSyntax or SwitchSectionSyntax or GlobalStatementSyntax)
            || !IsEvaluatedOnce(lease, statement))
        {
            return null;
        }

        if (IsThrownAway(lease, statement))
        {
            return root.ReplaceNode(statement, Declare(lease, statement, NameFor(statement)).WithTriviaFrom(statement));
        }

        if (statement is LocalDeclarationStatementSyntax { Declaration.Variables.Count: 1 } local
            && local.Declaration.Variables[0] is { Initializer.Value: { } value } variable
            && value == lease)
        {
            return IsAssignedLater(local, variable.Identifier.ValueText) ? null : root.ReplaceNode(local, WithUsing(local));
        }

        // A value that nobody keeps: `array.Read(0).Span[0]`.
        return lease.Parent is MemberAccessExpressionSyntax && statement.Parent is BlockSyntax block
            ? root.ReplaceNode(block, WithVariable(block, statement, lease))
            : null;
    }

    /// <summary>Whether all that the statement does is to take the lease.</summary>
    private static bool IsThrownAway(InvocationExpressionSyntax lease, StatementSyntax statement) =>
        statement is ExpressionStatementSyntax { Expression: { } expression }
        && (expression == lease
            || (expression is AssignmentExpressionSyntax { Left: IdentifierNameSyntax { Identifier.ValueText: "_" }, Right: { } right }
                && right == lease));

    /// <summary>Whether the expression is evaluated once, whenever the statement begins.</summary>
    private static bool IsEvaluatedOnce(SyntaxNode lease, StatementSyntax statement) =>
        statement is ExpressionStatementSyntax or LocalDeclarationStatementSyntax or ReturnStatementSyntax or ThrowStatementSyntax
        && !lease.Ancestors().TakeWhile(node => node != statement).Any(static node => node
            is AnonymousFunctionExpressionSyntax
            or ConditionalExpressionSyntax
            or ConditionalAccessExpressionSyntax
            or SwitchExpressionSyntax
            or BinaryExpressionSyntax
            {
                RawKind: (int)SyntaxKind.LogicalAndExpression or (int)SyntaxKind.LogicalOrExpression or (int)SyntaxKind.CoalesceExpression,
            });

    private static bool IsAssignedLater(LocalDeclarationStatementSyntax local, string name) =>
        local.Parent!.DescendantNodes().Any(node => node switch
        {
            AssignmentExpressionSyntax { Left: IdentifierNameSyntax left } => left.Identifier.ValueText == name,
            ArgumentSyntax { Expression: IdentifierNameSyntax passed } argument =>
                passed.Identifier.ValueText == name && argument.RefKindKeyword.Kind() is SyntaxKind.RefKeyword or SyntaxKind.OutKeyword,
            ReturnStatementSyntax { Expression: IdentifierNameSyntax returned } => returned.Identifier.ValueText == name,
            _ => false,
        });

    private static LocalDeclarationStatementSyntax WithUsing(LocalDeclarationStatementSyntax local)
    {
        SyntaxToken keyword = SyntaxFactory.Token(
            local.GetLeadingTrivia(), SyntaxKind.UsingKeyword, SyntaxFactory.TriviaList(SyntaxFactory.Space));
        return local.WithoutLeadingTrivia().WithUsingKeyword(keyword);
    }

    private static BlockSyntax WithVariable(BlockSyntax block, StatementSyntax statement, InvocationExpressionSyntax lease)
    {
        string name = NameFor(statement);
        StatementSyntax declared = Declare(lease, statement, name).WithLeadingTrivia(statement.GetLeadingTrivia());
        StatementSyntax used = statement.ReplaceNode(lease, SyntaxFactory.IdentifierName(name).WithTriviaFrom(lease));
        int at = block.Statements.IndexOf(statement);
        return block.WithStatements(block.Statements.Replace(statement, used).Insert(at, declared));
    }

    private static StatementSyntax Declare(InvocationExpressionSyntax lease, StatementSyntax statement, string name)
    {
        SyntaxTrivia end = statement.GetTrailingTrivia().LastOrDefault(static trivia => trivia.IsKind(SyntaxKind.EndOfLineTrivia));
        return SyntaxFactory.ParseStatement($"using var {name} = {lease.WithoutTrivia().ToFullString()};")
            .WithTrailingTrivia(end == default ? SyntaxFactory.ElasticCarriageReturnLineFeed : end)
            .WithAdditionalAnnotations(Formatter.Annotation);
    }

    /// <summary>A name that nothing in the method has.</summary>
    private static string NameFor(StatementSyntax statement)
    {
        SyntaxNode scope = statement.FirstAncestorOrSelf<MemberDeclarationSyntax>() ?? statement.SyntaxTree.GetRoot();
        ImmutableHashSet<string> taken = [.. scope.DescendantTokens()
            .Where(static token => token.IsKind(SyntaxKind.IdentifierToken)).Select(static token => token.ValueText)];
        string name = "lease";
        for (int i = 2; taken.Contains(name); i++)
        {
            name = "lease" + i;
        }

        return name;
    }
}
